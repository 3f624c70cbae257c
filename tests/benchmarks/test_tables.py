"""Tables of results: what simulated cohorts cover, a column a true AUC."""

from benchmarks import tables


def test_coverages_are_percent_by_design_and_metric():
    results = [{"design": design, "auc": auc, "metric": "ap", "coverage": coverage}
               for design, auc, coverage in [("one", "0.9", "0.9515"), ("one", "0.95", "0.94"), ("several", "0.9", "0.93"),
                                             ("several", "0.95", "0.925")]]
    headings, rows = tables.covered(results)
    assert headings == ["bags", "interval of", "true AUC 0.9", "true AUC 0.95"]
    assert rows == [["one a patient", "ap", "95.2 %", "94.0 %"], ["several a patient", "ap", "93.0 %", "92.5 %"]]
