"""The smallest network that has all the parts of a real one."""

from transcriber.listen.network import NetworkConfig

TINY = NetworkConfig(front_channels=2, channels=4, harmonics=(1, 2), dilations=(1,), pedal_dilations=(1,))
