using System.Reflection;
using Xenlet.Tool.Base;

namespace Xenlet.Tool.CommandLines;

/// <summary>The commands.</summary>
internal static class ToolProgram
{
    public const string Usage = """
        usage: xenlet COMMAND [OPTIONS]

          run IMAGE|NAME.cfg     boot an image, with its console in the terminal
          info IMAGE             say what an image is: entry, segments, sizes, versions, components
          symbols NAME.debug     name the addresses of a log on standard input
          tree [DOMAIN]          show the devices of a domain, in dom0
          COMMAND --help         what a command takes, and its exit statuses
          --version              this tool's version

        exit status: 0 done, 1 failed, 2 the command line was not understood; 'run' has more.

        """;

    /// <summary>Carries out a command and gives the exit status.</summary>
    /// <exception cref="ToolException">It cannot be carried out.</exception>
    public static async Task<int> RunAsync(string[] arguments)
    {
        switch (arguments)
        {
            case [] or ["help" or "--help" or "-h", ..]:
                Console.Out.Write(Usage);
                return 0;
            case ["--version"]:
                Console.Out.WriteLine(
                    typeof(ToolProgram).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion);
                return 0;
        }

        string command = arguments[0];
        Words words = new(command, arguments[1..]);
        bool asksForHelp = arguments.TakeWhile(argument => argument != "--").Skip(1).Any(argument => argument is "--help" or "-h");
        return command switch
        {
            "run" => asksForHelp ? Help(RunCommand.Usage) : await RunCommand.RunAsync(words),
            "info" => asksForHelp ? Help(InfoCommand.Usage) : InfoCommand.Run(words),
            "symbols" => asksForHelp ? Help(SymbolsCommand.Usage) : SymbolsCommand.Run(words),
            "tree" => asksForHelp ? Help(TreeCommand.Usage) : await TreeCommand.RunAsync(words),
            _ => throw new ToolException($"unknown command '{command}'; 'xenlet --help' tells what there is", ToolException.Usage),
        };
    }

    private static int Help(string usage)
    {
        Console.Out.Write(usage);
        return 0;
    }
}
