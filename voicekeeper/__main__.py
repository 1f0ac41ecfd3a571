"""`python -m voicekeeper`."""

from voicekeeper.cli import main

main()
