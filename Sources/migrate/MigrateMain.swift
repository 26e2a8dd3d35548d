import MigrateCommand

@main
enum MigrateMain {
    static func main() async {
        await MigrateProgram.main()
    }
}
