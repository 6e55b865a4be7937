"""What every service stands on: settings, life cycle, HTTP, logs, children.

Import the part that you need: `bijou.runtime.http`, `bijou.runtime.settings`,
`bijou.runtime.children`, `bijou.runtime.logs`.
"""
