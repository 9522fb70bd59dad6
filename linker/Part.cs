namespace Xenlet.Linker;

/// <summary>A part of an image.</summary>
/// <param name="Name">Its name, of the package if it is from one.</param>
/// <param name="Version">Its version.</param>
/// <param name="PackageUrl">Where it is from (https://github.com/package-url/purl-spec), or <see langword="null"/> for what is of no
/// package.</param>
public sealed record Part(string Name, string Version, string? PackageUrl);
