"""Interfaces: command line, web page, REST API and Telegram bot."""
