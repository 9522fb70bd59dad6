namespace Xenlet.Machines;

/// <summary>What a machine has installed.</summary>
internal interface IInstalledFiles
{
    /// <summary>Whether <paramref name="name"/> is an executable on PATH.</summary>
    bool HasCommand(string name);

    /// <summary>Whether a file exists at this absolute path.</summary>
    bool HasFile(string path);
}
