// Each test is a compilation that keeps both processors busy.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
