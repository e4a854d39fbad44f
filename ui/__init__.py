"""The screen: values of analytics and core in, pages out. Streamlit and Altair live here and nowhere else."""
