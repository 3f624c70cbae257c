"""Quality control: a picture a scan, and one page of them all on which people choose what to leave out."""

FOLDER, PAGE = "qc", "qc.html"
CELL = 128  # pixels a slice and side: an outline that is wrong shows, and seven scans fit a screen (our decision)
SHOWN = 3  # slices before and after, as `preprocessing.ct.SHOWN` names
GAP = 4  # pixels between before and after
WIDTH, HEIGHT = 2 * SHOWN * CELL + GAP, CELL
BRAIN, LESION, OUTSIDE = (0, 200, 255), (255, 120, 0), (28, 34, 44)  # told apart by colour-blind eyes, and from grey
NUMBER = (170, 170, 170)  # of a slice: legible, and darker than bone
