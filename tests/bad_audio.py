"""What reading an audio file that cannot be used must do."""

import pytest

from umir.audio import AudioError, read_audio


def fails(path, message):
    """Check that reading fails with one line that names the file."""
    with pytest.raises(AudioError, match=message) as failure:
        read_audio(path)
    assert str(failure.value).startswith(str(path)) and "\n" not in str(failure.value)
