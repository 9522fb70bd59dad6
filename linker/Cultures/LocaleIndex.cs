using System.Diagnostics;

namespace Xenlet.Linker.Cultures;

/// <summary>
/// The list of the locales that a tree of ICU's data has, <c>res_index</c>, which ICU answers from when it is asked for all of them. ICU's
/// own compiler of resource bundles makes it.
/// </summary>
internal static class LocaleIndex
{
    private const string Compiler = "genrb";
    private const string Name = "res_index";

    /// <summary>Makes the list.</summary>
    /// <param name="locales">The names of locales, as ICU spells them.</param>
    /// <exception cref="InvalidDataException">The compiler is missing, or fails.</exception>
    public static byte[] Compile(IReadOnlyList<string> locales)
    {
        string directory = Directory.CreateTempSubdirectory("xenlet-cultures-").FullName;
        try
        {
            string source = Path.Combine(directory, $"{Name}.txt");
            string entries = string.Concat(locales.Select(locale => $"{locale}{{\"\"}}\n"));
            File.WriteAllText(source, $"{Name}:table(nofallback){{\nInstalledLocales{{\n{entries}}}\n}}\n");
            ProcessStartInfo start = new(Compiler, ["-q", "-d", directory, source])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
            process.WaitForExit();
            return process.ExitCode == 0
                ? File.ReadAllBytes(Path.Combine(directory, $"{Name}.res"))
                : throw new InvalidDataException($"{Compiler} cannot make the list of cultures: {output.Trim()}");
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            throw new InvalidDataException($"{Compiler} of ICU cannot be started: {error.Message}", error);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
