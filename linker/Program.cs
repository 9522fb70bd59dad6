namespace Xenlet.Linker;

/// <summary>The command line.</summary>
internal static class Program
{
    private const string Usage = """
        usage: Xenlet.Linker stubs <out.o>                writes the machine code stubs as an ELF object
               Xenlet.Linker script <out.ld>              writes the link layout
               Xenlet.Linker redirect <in-out.o> [prefix] makes failed checks in the nucleus end in its own panic
        """;

    private static int Main(string[] arguments)
    {
        try
        {
            switch (arguments)
            {
                case ["stubs", var path]:
                    File.WriteAllBytes(path, StubObject.Write(StubAssembler.Assemble()));
                    return 0;
                default:
                    Console.Error.WriteLine(Usage);
                    return 1;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"Xenlet.Linker: {error.Message}");
            return 1;
        }
    }
}
