namespace Xenlet.Linker.Domains;

/// <summary>Where a setting is set.</summary>
/// <param name="File">The file.</param>
/// <param name="Line">The line, from 1; 0 if only the file is known.</param>
/// <param name="Column">The column, from 1.</param>
internal sealed record SettingPlace(string File, int Line, int Column)
{
    /// <summary>Formatted as compilers do.</summary>
    public override string ToString() => Line == 0 ? File : $"{File}({Line},{Column})";
}
