"""The number format that networks multiply in: bfloat16 where the device has instructions for it, else float32.

Where it has none bfloat16 is emulated: on a processor with AVX2 alone the note model then takes seven times as long as
in float32 (measured with torch 2.13).
"""

from __future__ import annotations

import torch

BFLOAT16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")  # Intel and AMD, Intel's tiles, ARM


def autocast(device: torch.device) -> torch.autocast:
    """A context in which networks run in the format that suits `device`."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=multiplies_bfloat16(device))


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether `device` gains by bfloat16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    found = torch.cpu.get_capabilities()
    return any(found.get(name) for name in BFLOAT16_INSTRUCTIONS)
