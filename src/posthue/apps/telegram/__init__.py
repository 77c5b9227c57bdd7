"""The Telegram bot: what people send it is judged and answered, and kept nowhere."""
