namespace Xenlet.Drivers.Tests;

/// <summary>What tests run as a process of its own, since it does to the process what no other test could stand.</summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (arguments is not [BlockedPoolRun.Argument])
        {
            Console.Error.WriteLine("These are tests: dotnet test runs them.");
            return 2;
        }

        return BlockedPoolRun.Run();
    }
}
