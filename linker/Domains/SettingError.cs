namespace Xenlet.Linker.Domains;

/// <summary>An invalid property or item of a project.</summary>
/// <param name="Place">Where it is set.</param>
/// <param name="Message">What is wrong.</param>
internal sealed record SettingError(SettingPlace Place, string Message)
{
    /// <summary>The code of these errors in the documentation and in MSBuild.</summary>
    public const string Code = "XENLET005";

    /// <summary>Formatted so that MSBuild shows a tool's error with its file and line.</summary>
    public override string ToString() => $"{Place}: error {Code}: {Message}";
}
