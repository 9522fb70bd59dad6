using System.Text;
using Xenlet.Kernel.Nucleus.Boot;

namespace Xenlet.Linker.Domains;

/// <summary>A guest's command line, as the guest itself will read it.</summary>
internal static class GuestWords
{
    /// <summary>Says what the guest would refuse, or gives <see langword="null"/>.</summary>
    /// <param name="text">The command line.</param>
    public static unsafe string? Check(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        byte[] storage = new byte[CommandLine.SufficientStorage];
        byte** arguments = stackalloc byte*[CommandLine.MaximumArguments];
        byte** variables = stackalloc byte*[CommandLine.MaximumVariables];
        fixed (byte* textStart = bytes, storageStart = storage)
        {
            CommandLineResult result = CommandLine.Parse(
                textStart,
                bytes.Length,
                storageStart,
                storage.Length,
                arguments,
                CommandLine.MaximumArguments,
                variables,
                CommandLine.MaximumVariables);
            return result.Error == CommandLineError.None
                ? null
                : $"the guest would refuse it: {Encoding.ASCII.GetString(CommandLine.Describe(result.Error))}{result.Column}";
        }
    }
}
