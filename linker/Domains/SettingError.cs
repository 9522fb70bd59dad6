namespace Xenlet.Linker.Domains;

/// <summary>A property or an item of a project that cannot be as it is.</summary>
/// <param name="Place">Where it is set.</param>
/// <param name="Message">What is wrong.</param>
internal sealed record SettingError(SettingPlace Place, string Message)
{
    /// <summary>The number by which documentation and MSBuild know these errors.</summary>
    public const string Code = "XENLET005";

    /// <summary>In the form in which MSBuild takes an error of a tool for one with a file and a line.</summary>
    public override string ToString() => $"{Place}: error {Code}: {Message}";
}
