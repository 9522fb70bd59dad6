namespace Xenlet.Symbols;

/// <summary>Makes the names the NativeAOT compiler gives to methods readable again, as far as they allow.</summary>
internal static class ManagedName
{
    private const string Separator = "__";

    /// <summary>What the compiler shortens <c>System.Private.CoreLib</c> and its like to, before the name of a type.</summary>
    private static readonly string[] FrameworkPrefixes = ["S_P_CoreLib_", "S_P_TypeLoader_", "S_P_Reflection_Execution_",
        "S_P_StackTraceMetadata_"];

    /// <summary>
    /// <c>S_P_CoreLib_System_Threading_Thread__StartThread</c> becomes <c>System.Threading.Thread.StartThread</c>. The compiler writes
    /// dots and several other characters as underscores, so an underscore of the source becomes a dot too.
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
