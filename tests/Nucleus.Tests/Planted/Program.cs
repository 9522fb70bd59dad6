namespace Planted;

internal static class Program
{
    private static void Main(string[] arguments) => Violations.Prepare(arguments);
}
