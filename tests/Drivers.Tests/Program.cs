namespace Xenlet.Drivers.Tests;

/// <summary>Work that tests run as a separate process, since no other test could run beside it.</summary>
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
