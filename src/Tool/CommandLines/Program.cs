using Xenlet.Tool.Base;

namespace Xenlet.Tool.CommandLines;

/// <summary>The process.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        try
        {
            return await ToolProgram.RunAsync(arguments);
        }
        catch (ToolException failure)
        {
            await Console.Error.WriteLineAsync($"xenlet: {failure.Message}");
            return failure.ExitStatus;
        }
    }
}
