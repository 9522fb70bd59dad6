namespace Xenlet.QemuXen.Tests;

/// <summary>One emulated machine for all tests that need real Xen: booting it takes longer than any of them.</summary>
public sealed class XenFixture : IAsyncLifetime
{
    /// <summary>Name of the collection.</summary>
    public const string Collection = "real Xen";

    /// <summary>Cache of dom0 images, shared with the build: `artifacts/dom0` of the repository.</summary>
    public static string Dom0Directory { get; } = Path.Combine(RepositoryRoot(), Dom0Image.DefaultDirectory);

    /// <summary>The machine.</summary>
    public XenMachine Machine { get; private set; } = null!;

    /// <inheritdoc/>
    public async Task InitializeAsync() => Machine = await XenMachine.StartAsync(new() { Dom0Directory = Dom0Directory });

    /// <inheritdoc/>
    public async Task DisposeAsync() => await Machine.DisposeAsync();

    private static string RepositoryRoot()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Directory.Packages.props")))
        {
            directory = directory.Parent;
        }

        return directory?.FullName ?? throw new InvalidOperationException("The tests do not run inside the repository.");
    }
}

/// <summary>The collection of tests that share <see cref="XenFixture"/>.</summary>
[CollectionDefinition(XenFixture.Collection)]
public sealed class XenTests : ICollectionFixture<XenFixture>;
