namespace Xenlet.GuestWork;

/// <summary>
/// Does the parts of the work that its arguments name, or all, each between a line that begins and one that ends it; or
/// waits, or follows its configuration.
/// </summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        if (args is ["wait", var how])
        {
            return WaitingProgram.Run(how);
        }

        if (args is ["configured"])
        {
            return ConfiguredProgram.Run();
        }

        foreach ((string name, Action run) in Work.Parts.Where(part => args.Length == 0 || args.Contains(part.Name)))
        {
            Console.WriteLine($"begin {name}");
            run();
            Console.WriteLine($"end {name}");
        }

        return 0;
    }
}
