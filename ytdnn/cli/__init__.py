"""The command line `ytdnn`: flags fill the config, commands run the steps.

The only room with flags. It imports the heavy lazy inside the steps, so that help
and errors come at once.
"""
