namespace Xenlet.Drivers.Tests;

/// <summary>Work that tests run as a separate process, since no other test could run beside it.</summary>
internal static class Program
{
    private static int Main(string[] arguments) =>
        arguments is [BlockedPoolRun.Argument] ? BlockedPoolRun.Run() : Xenlet.Tests.TestProgram.Run(arguments);
}
