# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for how twistd and twist find the server, and for what is installed.
"""

from __future__ import annotations

import configparser
import importlib
from importlib.metadata import EntryPoint
from pathlib import Path

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpserver import tap
from ftpserver.command_line import main

CHECKOUT = Path(__file__).parent.parent


class PluginTests(SynchronousTestCase):
    """Tests for the plugin of Twisted."""

    def test_the_plugin_is_found(self) -> None:
        """twistd and twist list the server."""
        makers = [one for one in getPlugins(IServiceMaker) if one.tapname == "ftpserver"]
        self.assertEqual(len(makers), 1)
        [maker] = makers
        self.assertTrue(verifyObject(IServiceMaker, maker))
        self.assertEqual(maker.description, "A complete FTP server")
        self.assertIs(maker.options, tap.Options)
        self.assertIs(maker.makeService, tap.makeService)

    def test_no_package_hides_twisted(self) -> None:
        """The folder of the plugin is no package: with __init__.py it would hide the real Twisted."""
        for folder in ("twisted", "twisted/plugins"):
            self.assertFalse((CHECKOUT / folder / "__init__.py").exists(), folder)
        twisted = importlib.import_module("twisted")
        self.assertIsNotNone(twisted.__file__)


class InstallationTests(SynchronousTestCase):
    """Tests for what is installed."""

    def test_the_command_is_installed(self) -> None:
        """Installing makes the command "ftpserver"."""
        setup = configparser.ConfigParser()
        setup.read(CHECKOUT / "setup.cfg")
        text = setup["options.entry_points"]["console_scripts"].strip()
        self.assertEqual(text, "ftpserver = ftpserver.command_line:main")
        script = EntryPoint("ftpserver", text.partition(" = ")[2], "console_scripts")
        self.assertIs(script.load(), main)

    def test_the_plugin_is_installed(self) -> None:
        """The package names the folder of the plugin, and the folder that editable installations look in."""
        setup = configparser.ConfigParser()
        setup.read(CHECKOUT / "setup.cfg")
        self.assertIn("twisted.plugins", setup["options.packages.find"]["include"].split())
        self.assertEqual(setup["options"]["package_dir"].split(), ["=", "."])
