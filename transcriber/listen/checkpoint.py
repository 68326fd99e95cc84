"""The network on disk: weights as safetensors, everything needed to rebuild it in the file's metadata."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from transcriber.errors import CheckpointError
from transcriber.listen.calibration import Calibration
from transcriber.listen.decode import DecoderConfig
from transcriber.listen.network import NetworkConfig, OnsetFrameNetwork

FORMAT = "onset-frame-1"
SHIPPED = Path(__file__).parent / "weights" / "notes.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    network: OnsetFrameNetwork
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    steps: int = 0


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Weights are stored as float16: half the size, and far finer than the bfloat16 that they are used in."""
    tensors = {
        name: value.half().contiguous() if value.is_floating_point() else value.contiguous()
        for name, value in checkpoint.network.state_dict().items()
    }
    decoder = asdict(checkpoint.decoder)
    calibration = decoder.pop("calibration")
    metadata = {
        "format": FORMAT,
        "network": json.dumps(checkpoint.network.config.to_json()),
        "decoder": json.dumps(decoder),
        "calibration": json.dumps(calibration),
        "steps": str(checkpoint.steps),
    }
    partial = path.with_suffix(".partial")
    save_file(tensors, partial, metadata)
    partial.replace(path)


def load(path: Path = SHIPPED, device: torch.device | str = "cpu") -> Checkpoint:
    """Raises CheckpointError where the file is missing, damaged or made for another network."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata.get("format") != FORMAT:
            raise CheckpointError(
                f"{path.name} is not a note model of format {FORMAT}; train it again or use the default."
            )
        network = OnsetFrameNetwork(NetworkConfig.from_json(json.loads(metadata["network"])))
        network.load_state_dict(
            {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
        )
        calibration = Calibration.from_json(json.loads(metadata.get("calibration", "{}")))
        decoder = DecoderConfig(**json.loads(metadata["decoder"]), calibration=calibration)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as cause:
        raise CheckpointError(f"The note model {path.name} cannot be loaded; install the package again.") from cause
    network.eval().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Checkpoint(network, decoder, int(metadata.get("steps", 0)))
