"""The WeSpeaker ResNet34 embedding network of `pyannote/wespeaker-voxceleb-resnet34-LM`."""
