"""The U-Net's building blocks: normalisation, residual block, steps down and up (paper, section 2.1)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class InstanceNorm(nn.Module):
    """Each channel of each patch to mean 0 and variance 1, then a learnt scale and shift.

    In training every patch goes through torch's batch norm by itself: the same numbers as
    `nn.InstanceNorm3d`, but this kernel keeps bfloat16 channels-last memory, and its backward pass
    takes a fifteenth of the time on a CPU (docs/developer/decisions/0003).

    Attributes
    ----------
    window : int
        If not 0, means are means of means over cubes of this side, which must divide the features' side. An
        engine that adds a million voxels up in single precision, one after the other, is wrong by a thousandth.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.window = 0

    def forward(self, features: Float[Tensor, "b c z y x"]) -> Float[Tensor, "b c z y x"]:
        """Normalise over (z, y, x)."""
        if self.window:
            centred = features - self._mean(features)
            scale = torch.rsqrt(self._mean(centred.square()) + 1e-5)
            each = (1, -1, 1, 1, 1)
            return centred * (scale * self.weight.reshape(each)) + self.bias.reshape(each)
        if not self.training or features.is_cuda:  # a GPU would wait for a kernel a patch
            return F.instance_norm(features, weight=self.weight, bias=self.bias, eps=1e-5)
        patches = [
            F.batch_norm(one, None, None, self.weight, self.bias, training=True, eps=1e-5)
            for one in features.split(1)
        ]
        return patches[0] if len(patches) == 1 else torch.cat(patches)

    def _mean(self, features: Float[Tensor, "b c z y x"]) -> Float[Tensor, "b c 1 1 1"]:
        return F.avg_pool3d(features, self.window).mean(dim=(2, 3, 4), keepdim=True)


class ChannelAffine(nn.Module):
    """A learnt scale and shift of each channel: a batch norm whose statistics are fixed."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Float[Tensor, "b c z y x"]) -> Float[Tensor, "b c z y x"]:
        """Scale and shift."""
        each = (1, -1, 1, 1, 1)
        return features * self.weight.reshape(each) + self.bias.reshape(each)


def conv3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv3d:
    """3x3x3 convolution, padding 1, no bias (a normalisation follows everywhere)."""
    return nn.Conv3d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)


class Pointwise(nn.Conv3d):
    """1x1x1 convolution without bias, as the matrix product that it is.

    torch has no fast kernel for it in float32 on CPUs without AVX-512; over channels-last memory the
    product needs no copy, and runs ten times faster.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size=1, bias=False)

    def forward(self, features: Float[Tensor, "b c_in z y x"]) -> Float[Tensor, "b c_out z y x"]:
        """Each voxel's channels times one matrix."""
        if not self.training:
            return super().forward(features)
        return F.linear(features.movedim(1, -1), self.weight.flatten(1)).movedim(-1, 1)


class ResBlock(nn.Module):
    """Pre-activation residual block: x + conv(relu(norm(conv(relu(norm(x)))))).

    When the number of channels changes, the identity becomes a 1x1x1 convolution.
    """

    def __init__(
        self, in_channels: int, out_channels: int, norm: type[InstanceNorm | ChannelAffine] = InstanceNorm
    ) -> None:
        super().__init__()
        self.norm1 = norm(in_channels)
        self.conv1 = conv3(in_channels, out_channels)
        self.norm2 = norm(out_channels)
        self.conv2 = conv3(out_channels, out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = Pointwise(in_channels, out_channels)

    def forward(self, features: Float[Tensor, "b c_in z y x"]) -> Float[Tensor, "b c_out z y x"]:
        """Features of the same sides, `out_channels` of them."""
        inner = self.conv1(F.relu(self.norm1(features)))
        inner = self.conv2(F.relu(self.norm2(inner)))
        out: Tensor = self.shortcut(features) + inner
        return out


def upsample(features: Float[Tensor, "b c z y x"]) -> Float[Tensor, "b c 2*z 2*y 2*x"]:
    """Twice the sides, trilinear between voxel centres (`align_corners=False`)."""
    return F.interpolate(features, scale_factor=2, mode="trilinear", align_corners=False)
