"""SimpleITK with one thread: the workers are the threads, and no sum may depend on how many cores a machine has."""

import SimpleITK as sitk

sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
