using System.ComponentModel;
using System.Diagnostics;

namespace Xenlet.Linker;

/// <summary>What linking OpenSSL needs of the machine: .NET's part of it is compiled against OpenSSL's headers.</summary>
public static class OpenSslPackages
{
    private const string Header = "/usr/include/openssl/ssl.h";

    private static readonly string[] Commands = ["cmake", "make"];
    private static readonly string[] Libraries = ["libssl.a", "libcrypto.a"];

    /// <summary>What the machine lacks.</summary>
    /// <returns>Debian's packages that have it; none when everything is there.</returns>
    public static IReadOnlyList<string> Missing() => Missing(HasCommand, HasLibrary, File.Exists);

    /// <summary>What a machine lacks.</summary>
    /// <param name="hasCommand">Whether there is a command of this name.</param>
    /// <param name="hasLibrary">Whether the linker finds a static library of this file name.</param>
    /// <param name="hasFile">Whether there is a file of this path.</param>
    /// <returns>Debian's packages that have it; none when everything is there.</returns>
    public static IReadOnlyList<string> Missing(Func<string, bool> hasCommand, Func<string, bool> hasLibrary, Func<string, bool> hasFile)
    {
        // cmake and make come from packages of the same names.
        List<string> missing = [.. Commands.Where(command => !hasCommand(command))];
        if (!Libraries.All(hasLibrary) || !hasFile(Header))
        {
            missing.Add("libssl-dev");
        }

        return missing;
    }

    private static bool HasCommand(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => File.Exists(Path.Combine(directory, name)));

    private static bool HasLibrary(string name)
    {
        try
        {
            // gcc, which drives the link, answers with the path, or with the bare name of what it does not find.
            using Process process = Process.Start(
                new ProcessStartInfo("gcc", [$"-print-file-name={name}"]) { RedirectStandardOutput = true })!;
            string answer = process.StandardOutput.ReadToEnd().Trim();
            process.WaitForExit();
            return Path.IsPathRooted(answer);
        }
        catch (Win32Exception)
        {
            // There is no gcc.
            return false;
        }
    }
}
