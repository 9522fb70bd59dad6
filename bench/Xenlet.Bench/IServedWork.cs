namespace Xenlet.Bench;

/// <summary>One row that is measured of a server.</summary>
internal interface IServedWork
{
    /// <summary>The row's name in the figures.</summary>
    string Name { get; }

    /// <summary>How much of it one round does.</summary>
    int Count { get; }

    /// <summary>The same for a run that has no time.</summary>
    int QuickCount { get; }
}
