int vs_storage_folder(void);
int vs_storage_folder(void)
{
    return 0;
}
