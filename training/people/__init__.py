"""People made of the MakeHuman assets: a body, clothes and thousands of single hairs, as cut-outs with true alpha."""
