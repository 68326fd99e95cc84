import torch

# Tests share a machine with whatever else runs there; one thread is also the fastest for arrays this small.
torch.set_num_threads(1)
