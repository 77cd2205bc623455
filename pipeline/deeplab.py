"""A soft mask of people from torchvision's DeepLabV3, whose weights torchvision downloads when asked to."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch.nn import functional as F
from torchvision.models.segmentation import DeepLabV3_ResNet50_Weights, deeplabv3_resnet50

from pipeline.frames import CleanplateError, FloatImage

PERSON = 15
"""The class of people among the 21 of Pascal VOC."""

_MEAN = (0.485, 0.456, 0.406)
_SPREAD = (0.229, 0.224, 0.225)


class DeepLabSegmenter:
    """Segments people; ignores the plate."""

    def __init__(self, device: torch.device, net: torch.nn.Module | None = None) -> None:
        """Loads the net.

        Args:
            device: Where it runs.
            net: Another net with the same outputs, instead of torchvision's trained one.

        Raises:
            CleanplateError: The weights are not on this machine and could not be downloaded.
        """
        if net is None:
            try:
                net = deeplabv3_resnet50(weights=DeepLabV3_ResNet50_Weights.DEFAULT)
            except OSError as error:
                raise CleanplateError(
                    f"--segmenter deeplab: its weights could not be downloaded ({error}); connect to the "
                    "network once, or use --segmenter difference, which needs none"
                ) from error
        self.device = device
        self.net = net.eval().to(device)

    def __call__(self, image: FloatImage, plate: FloatImage, coverage: FloatImage) -> FloatImage:  # noqa: ARG002
        """Probability of a person, softened as in the paper; shapes as in `Segmenter`."""
        x = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].to(self.device)
        mean, spread = (torch.tensor(v, device=self.device).view(1, 3, 1, 1) for v in (_MEAN, _SPREAD))
        with torch.inference_mode():
            scores = self.net((x - mean) / spread)["out"]
        person = F.softmax(scores, dim=1)[0, PERSON].cpu().numpy()
        soft: FloatImage = cv2.GaussianBlur((person > 0.5).astype(np.float32), (0, 0), max(image.shape[:2]) / 200)
        return soft
