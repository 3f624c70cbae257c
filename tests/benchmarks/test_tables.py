"""Tables of results: what simulated cohorts cover, and the curve of a grid."""

from benchmarks import tables


def test_coverages_are_percent_by_design_and_metric():
    results = [{"design": design, "auc": auc, "metric": "ap", "coverage": coverage}
               for design, auc, coverage in [("one", "0.9", "0.9515"), ("one", "0.95", "0.94"), ("several", "0.9", "0.93"),
                                             ("several", "0.95", "0.925")]]
    headings, rows = tables.covered(results)
    assert headings == ["bags", "interval of", "true AUC 0.9", "true AUC 0.95"]
    assert rows == [["one a patient", "ap", "95.2 %", "94.0 %"], ["several a patient", "ap", "93.0 %", "92.5 %"]]


def test_a_curve_has_a_row_a_size_and_both_readings():
    def row(bags, metric, reading, value, low="", high="", rule=""):
        return {"bags": bags, "metric": metric, "rule": rule, "reading": reading, "value": value, "low": low, "high": high,
                "models": "5", "note": "no interval"}

    results = [row("100", "ap", "per fold", "0.8", "0.7", "0.9"), row("100", "ap", "ensemble", "0.85", "0.8", "0.9"),
               row("100", "tpr", "per fold", "0.5", rule="at 0.5"), row("100", "tpr", "per fold", "0.6", rule="at another"),
               row("672", "ap", "ensemble", "")]
    headings, rows = tables.sizes(results)
    assert headings[:4] == ["bags", "models", "AP, per fold", "AP, ensemble"] and headings[6] == "TPR, per fold"
    assert rows[0] == ["100", "5", "0.800 [0.700, 0.900]", "0.850 [0.800, 0.900]", "", "", "0.500", "", "", ""]
    assert rows[1][3] == "no interval"
