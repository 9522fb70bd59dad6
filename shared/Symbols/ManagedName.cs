namespace Xenlet.Symbols;

/// <summary>Makes the NativeAOT compiler's names of methods readable again, as far as they allow.</summary>
internal static class ManagedName
{
    private const string Separator = "__";

    /// <summary>The compiler's abbreviations of <c>System.Private.CoreLib</c> and similar, before a type's name.</summary>
    private static readonly string[] FrameworkPrefixes = ["S_P_CoreLib_", "S_P_TypeLoader_", "S_P_Reflection_Execution_",
        "S_P_StackTraceMetadata_"];

    /// <summary>
    /// <c>S_P_CoreLib_System_Threading_Thread__StartThread</c> becomes <c>System.Threading.Thread.StartThread</c>. The compiler writes dots
    /// and several other characters as underscores, so an underscore of the source also becomes a dot.
    /// </summary>
    public static string Readable(string name)
    {
        int separator = name.IndexOf(Separator, 1, StringComparison.Ordinal);
        if (separator <= 0 || separator + Separator.Length >= name.Length)
        {
            return name;
        }

        string prefix = FrameworkPrefixes.FirstOrDefault(prefix => name.StartsWith(prefix, StringComparison.Ordinal)) ?? "";
        string type = name[prefix.Length..separator];
        return $"{type.Replace('_', '.')}.{name[(separator + Separator.Length)..]}";
    }
}
