namespace Xenlet.Build;

/// <summary>What git reports about the sources.</summary>
/// <param name="repository">The sources.</param>
/// <param name="processes">Runs git.</param>
internal sealed class WorkTree(Repository repository, ProcessRunner processes)
{
    /// <summary>The hash of the commit that the sources match.</summary>
    /// <exception cref="BuildException">The sources differ from the commit.</exception>
    public string RequireCommit()
    {
        string status = processes.Capture("git", "-C", repository.Root, "status", "--porcelain");
        string[] changes = status.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (changes.Length > 0)
        {
            throw new BuildException(
                $"what is counted belongs to one commit, and {changes.Length} files differ from it, the first: '{changes[0].Trim()}'."
                + " Commit them, or put them away with 'git stash -u'.");
        }

        return processes.Capture("git", "-C", repository.Root, "rev-parse", "HEAD").Trim();
    }
}
