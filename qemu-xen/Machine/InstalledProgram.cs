using Xenlet.QemuXen.Base;

namespace Xenlet.QemuXen.Machine;

/// <summary>A program that is installed on this machine, with the shared libraries that it needs.</summary>
/// <param name="Path">The program's file.</param>
/// <param name="Interpreter">The dynamic linker that it names.</param>
/// <param name="Libraries">The libraries' files.</param>
internal sealed record InstalledProgram(string Path, string Interpreter, IReadOnlyList<string> Libraries)
{
    /// <summary>Looks for a program in the directories of PATH.</summary>
    /// <exception cref="QemuXenException">It is not installed, or one of its libraries is not.</exception>
    public static async Task<InstalledProgram> FindAsync(string name, CancellationToken cancellationToken)
    {
        string path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(System.IO.Path.PathSeparator)
            .Select(directory => System.IO.Path.Combine(directory, name))
            .FirstOrDefault(File.Exists)
            ?? throw new QemuXenException($"dom0 is to have the program '{name}' of this machine, where it is not installed.");
        return Parse(path, await HostCommand.RunAsync("ldd", [path], cancellationToken: cancellationToken));
    }

    /// <summary>Reads what <c>ldd</c> says: "NAME => FILE (ADDRESS)" for a library, "FILE (ADDRESS)" for the dynamic linker.</summary>
    /// <exception cref="QemuXenException">A library is missing, or the program is no dynamic one.</exception>
    public static InstalledProgram Parse(string path, string libraries)
    {
        List<string> files = [];
        string? interpreter = null;
        foreach (string line in libraries.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            string[] words = line.Split(' ');
            switch (words)
            {
                case [var name, "=>", "not", ..]:
                    throw new QemuXenException($"{path} needs {name}, which is not installed.");
                case [_, "=>", var file, ..]:
                    files.Add(file);
                    break;
                case [['/', ..] file, _]:
                    interpreter = file;
                    break;
            }
        }

        return new(path, interpreter ?? throw new QemuXenException($"{path} names no dynamic linker: {libraries.Trim()}"), files);
    }
}
