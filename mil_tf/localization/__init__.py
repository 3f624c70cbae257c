"""From a map of likelihood to points on a slice, how well those meet boxes, and the detector's tuning."""
