namespace Xenlet.Linker;

/// <summary>A part of an image.</summary>
/// <param name="Name">Its name: the package's, if it comes from one.</param>
/// <param name="Version">Its version.</param>
/// <param name="PackageUrl">
/// The package's URL (https://github.com/package-url/purl-spec), or <see langword="null"/> if there is no package.
/// </param>
public sealed record Part(string Name, string Version, string? PackageUrl);
