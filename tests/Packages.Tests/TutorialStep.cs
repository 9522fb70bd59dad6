namespace Xenlet.Packages.Tests;

/// <summary>What the reader of a tutorial does next.</summary>
/// <param name="Line">The line of the document that says it, counted from 1.</param>
internal abstract record TutorialStep(int Line)
{
    /// <summary>A file is written.</summary>
    /// <param name="Line">As above.</param>
    /// <param name="Name">Its name.</param>
    /// <param name="Text">What is in it.</param>
    public sealed record File(int Line, string Name, string Text) : TutorialStep(Line);

    /// <summary>A command is typed.</summary>
    /// <param name="Line">As above.</param>
    /// <param name="Text">The command.</param>
    /// <param name="Output">The lines that the document says it writes.</param>
    public sealed record Command(int Line, string Text, IReadOnlyList<string> Output) : TutorialStep(Line);
}
