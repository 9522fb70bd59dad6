using Xenlet.QemuXen;
using Xenlet.QemuXen.Image;

namespace Xenlet.Bench;

/// <summary>Files that dom0 gets for a measurement alone, from the packages that its image was made of.</summary>
internal static class DebianFiles
{
    /// <summary>Copies a file of a package into dom0's memory.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="package">The package's name, or its beginning.</param>
    /// <param name="path">The end of the file's path.</param>
    /// <param name="directory">Where it is written on this machine.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Its path in dom0.</returns>
    /// <exception cref="BenchException">The package is not among those that were fetched, or does not have the file.</exception>
    public static async Task<string> CopyAsync(
        XenMachine machine, string package, string path, string directory, CancellationToken cancellationToken)
    {
        string image = machine.Image.Directory;
        string[] part = File.ReadLines(Path.Combine(image, "complete"))
            .FirstOrDefault(line => line.StartsWith(package, StringComparison.Ordinal))?.Split(' ')
            ?? throw new BenchException($"dom0 has no part of {package}");
        string packages = Path.Combine(Path.GetDirectoryName(image)!, "packages");
        string archive = Directory.EnumerateFiles(packages, $"{part[0]}_{part[1].Replace(":", "%3a", StringComparison.Ordinal)}_*.deb")
            .FirstOrDefault() ?? throw new BenchException($"{packages} has no {part[0]} {part[1]}");
        List<PackageFile> files = await DebianPackages.ReadAsync(
            archive, name => name.EndsWith(path, StringComparison.Ordinal), cancellationToken);
        if (files is not [PackageFile file])
        {
            throw new BenchException($"{archive} has {files.Count} files {path}");
        }

        string copy = Path.Combine(directory, Path.GetFileName(path));
        await File.WriteAllBytesAsync(copy, file.Content, cancellationToken);
        File.SetUnixFileMode(copy, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return await machine.CopyProgramAsync(copy, cancellationToken);
    }
}
