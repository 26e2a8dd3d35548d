import VMMCommand

await VMMDatabaseCommand.start()
