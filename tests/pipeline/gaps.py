"""A coat before a place, with a gap in the coarse matte: what the tests of holes share."""

import numpy as np
import torch

from models.coarse import Coarse

HEIGHT, WIDTH = 90, 160
SUBJECT, GAP = np.s_[10:80, 30:130], np.s_[40:49, 60:69]
KNOWN = np.ones((HEIGHT, WIDTH), np.float32)
PLATE, COAT = np.float32([0.7, 0.6, 0.5]), np.float32([0.3, 0.2, 0.1])
SHADED, WOOD = 0.45 * PLATE, np.float32([0.7, 0.4, 0.2])

EYE = np.float32([0.1, 0.5, 0.9])
"""Neither the coat nor the place in any light."""


def coarse(gap=GAP, hidden=2, in_gap=0.1):
    alpha = torch.zeros(1, 1, HEIGHT, WIDTH)
    alpha[0, 0][SUBJECT] = 1
    alpha[0, 0][gap] = in_gap
    return Coarse(alpha, torch.zeros(1, 3, HEIGHT, WIDTH), torch.full((1, hidden, HEIGHT, WIDTH), 0.3), alpha)


def pictures(in_gap, gap=GAP, coat=COAT):
    plate = np.broadcast_to(PLATE, (HEIGHT, WIDTH, 3)).copy()
    image = plate.copy()
    image[SUBJECT] = coat
    image[gap] = in_gap
    return image, plate
