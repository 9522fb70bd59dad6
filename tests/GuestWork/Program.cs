namespace Xenlet.GuestWork;

/// <summary>
/// Does the parts of the work that its arguments name, or all, each between a line that begins and one that ends it; or is another
/// program that its first argument names. They are one image because most of what an image costs is its compilation.
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

        if (args is ["trace"])
        {
            return TraceProgram.Run();
        }

        if (args is ["serve"])
        {
            return ServingProgram.Run();
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
