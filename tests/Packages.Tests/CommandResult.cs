namespace Xenlet.Packages.Tests;

/// <summary>How a command ended.</summary>
/// <param name="Command">The command line, for messages.</param>
/// <param name="Status">Its exit status.</param>
/// <param name="Output">What it wrote to both of its outputs.</param>
internal sealed record CommandResult(string Command, int Status, string Output)
{
    /// <summary>Fails the test unless the command did what it was told.</summary>
    public CommandResult AssertSucceeded()
    {
        Assert.True(Status == 0, $"{Command} ended with status {Status}:\n{Output}");
        return this;
    }

    /// <summary>Fails the test unless the command was refused with such a line.</summary>
    /// <param name="parts">What one line has to hold.</param>
    public void AssertRefused(params string[] parts)
    {
        Assert.True(Status != 0, $"{Command} ought to be refused, and succeeded:\n{Output}");
        Assert.True(
            Output.Split('\n').Any(line => parts.All(part => line.Contains(part, StringComparison.Ordinal))),
            $"{Command} ought to be refused with a line that holds '{string.Join("', '", parts)}':\n{Output}");
    }
}
