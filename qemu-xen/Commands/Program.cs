namespace Xenlet.QemuXen.Commands;

internal static class Program
{
    private static Task<int> Main(string[] arguments) => CommandLineProgram.RunAsync(arguments);
}
