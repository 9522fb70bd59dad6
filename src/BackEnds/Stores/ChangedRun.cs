namespace Xenlet.BackEnds.Stores;

/// <summary>Bytes that come from one place.</summary>
/// <param name="IsChanged">Whether that is the store of changes; else the original.</param>
/// <param name="Place">The offset there.</param>
/// <param name="Start">Where they come in the range that is asked for.</param>
/// <param name="Length">Their number.</param>
internal readonly record struct ChangedRun(bool IsChanged, long Place, int Start, int Length)
{
    /// <summary>Adds bytes to a list: to its last run if they follow it in the same store.</summary>
    public static void Add(List<ChangedRun> runs, ChangedRun next)
    {
        if (runs is [.., ChangedRun last] && last.IsChanged == next.IsChanged && last.Place + last.Length == next.Place)
        {
            runs[^1] = last with { Length = last.Length + next.Length };
        }
        else
        {
            runs.Add(next);
        }
    }
}
